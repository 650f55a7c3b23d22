"""Find cracks in photos and drone survey mosaics of concrete."""

__version__ = "0.1.0"
