"""What a base model is and where its weights come from."""
