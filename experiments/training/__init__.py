"""Fine-tuning: rows as texts, the loss, the trainer, fitting to given vectors, and facts for the record."""
