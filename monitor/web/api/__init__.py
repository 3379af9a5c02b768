"""The JSON API under /api/v1: what programs may ask and change, declared once for serving it and for describing it."""
