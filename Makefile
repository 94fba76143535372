# Short names for dev.py, for those who have make.
.PHONY: demo test check format
demo test check format:
	@python3 dev.py $@ $(ARGS)
