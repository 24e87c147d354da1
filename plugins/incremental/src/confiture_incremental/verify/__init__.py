"""``verify``: the migrations lead to the project's schema, and each way back leads back."""
