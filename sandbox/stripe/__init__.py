"""The part of Stripe that the product uses, on the wire: strict and stateful."""
