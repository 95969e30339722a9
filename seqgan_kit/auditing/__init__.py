"""Audits: what samples and networks tell about who was in the training part."""
