"""Gemini's generateContent family on the wire."""
