"""The bundled comparisons: one YAML file a run. A package, so that an installed one finds them."""
