package httpapi

import (
	"net/http"
	"net/http/httptest"

	"github.com/danielgtaylor/huma/v2/adapters/humago"
)

// KeyFresh is how long a key is remembered.
const KeyFresh = keyFresh

// Keeps tells whether an answer of that status is replayed.
func Keeps(status int) bool {
	return (&holding{ResponseWriter: httptest.NewRecorder(), status: status}).answer() != nil
}

// Routes returns what each registered route needs, and which of them nobody has decided about.
func Routes() (scopes map[string]string, undecided []string, err error) {
	a := &api{Options: Options{}.withDefaults(), mux: &routeMux{ServeMux: http.NewServeMux()}, counted: newCounted()}
	a.doc = humago.New(a.mux, describe(a.Version))
	a.routes()
	if err := a.serveDescription(); err != nil {
		return nil, nil, err
	}
	scopes = map[string]string{}
	for _, pattern := range a.mux.patterns {
		scope, decided := scopeOf(pattern)
		scopes[pattern] = string(scope)
		if !decided {
			undecided = append(undecided, pattern)
		}
	}
	return scopes, undecided, nil
}
