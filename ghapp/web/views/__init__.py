"""What was read -> what a page says, in one language: for HTML, Markdown and JSON alike.

Titles, notes and names come from strangers. They are kept to one visible line here; the templates
escape them, and the Markdown shows them as plain text.
"""
