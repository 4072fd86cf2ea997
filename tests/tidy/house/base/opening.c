/* A source without its licence line. want: opening */
int opening; /* want: globals want: opening */
#include "base/naked.h"
#include "base/ownerless.h"
#include "base/threadless.h"
#include "base/unitless.h"
