# FIXME: want: words
sleep = 3
