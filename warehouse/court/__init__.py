"""Court records (EOIR): reading, generating and typing."""
