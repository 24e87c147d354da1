CREATE TEXT SEARCH DICTIONARY plain (TEMPLATE = simple, stopwords = english);
