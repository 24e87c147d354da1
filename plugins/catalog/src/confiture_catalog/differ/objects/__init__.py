"""One module an object type: how it is made, changed and dropped."""
