"""The fleet's site: every page as text, made of models; nothing here reads or writes a file.

Addresses are paths below the site's root and never change: p/<problem>/, d/<dump>/, h/<host>/,
c/<kind>/<name>/ (vmtriage.report.site.names). Pages link to each other by relative links that
name index.html, so that they work from a disk, at a server's root and below a prefix.
"""
