# Short names for dev.py, for those who have make.
.PHONY: demo test check format docs coverage mutants
demo test check format docs coverage mutants:
	@python3 dev.py $@ $(ARGS)
