"""Where to quote: reference price, ladder, skew. Pure functions of whole numbers; knows no orders and no risk."""
