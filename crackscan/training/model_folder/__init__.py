"""Make a model folder: export, calibrate, measure and describe the model."""
