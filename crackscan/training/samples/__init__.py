"""The samples that a network is trained on."""
