"""What a run leaves behind: the record's schema, the folder that keeps records, the environment and the provenance."""
