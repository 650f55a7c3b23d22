"""The model folder: its steps calibrate, export, measure and describe a model."""
