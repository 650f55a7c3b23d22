"""Find cracks in photos and drone survey mosaics of concrete."""

__version__ = "0.1.0"
DEFAULT_MODEL = "concrete-v3"  # of the shipped ones, where no other is named
