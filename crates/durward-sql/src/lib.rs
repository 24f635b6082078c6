//! Statement text and a catalog snapshot become statement facts.
