"""What is made from the plain rule files: manifests that other installations load, and a packed release."""
