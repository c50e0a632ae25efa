"""Proofs by breaking something real, and counting with a ledger of the client's own."""
