"""The helpers of ejected programs.

An ejected program holds copies of the definitions that it needs, each with those that it mentions. So a module here
imports the standard library, its neighbours, and definitions of flowrun that can be copied in the same way.
"""
