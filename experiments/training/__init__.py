"""Fine-tuning: rows as texts, the loss, the trainer, fitting to given vectors, and what training leaves behind."""
