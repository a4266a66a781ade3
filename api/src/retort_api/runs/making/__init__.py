"""What a run makes, a module for each kind of work: versions, answers, files read, codebooks, histories made anew."""
