"""Masks with values of the package Faker."""
