"""The whole migration as one HTML file: timeline, rates, lag, validation, cutover."""
