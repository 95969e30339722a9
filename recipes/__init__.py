"""The bundled recipes: data, one YAML file a run; a package so that an installed one finds them."""
