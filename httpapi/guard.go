package httpapi

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
)

// guard wraps the routes in what holds for every request: panics become problem documents, browsers of other origins
// are kept out, and what is not there is told in the form of everything else.
func (a *api) guard() http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		writeProblem(w, http.StatusForbidden, "a page of another origin may not send this request")
	}))
	a.admitted = a.limited(decompressed(a.once(a.mux)))
	return a.identified(a.recovered(compressed(origin.Handler(http.HandlerFunc(a.serve)))))
}

func (a *api) serve(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if _, err := url.ParseQuery(r.URL.RawQuery); err != nil {
		writeProblem(w, http.StatusBadRequest, "the query is malformed: "+err.Error())
		return
	}
	if a.Local && !ownName(r.Host) {
		writeProblem(w, http.StatusForbidden, "this API asks for no key and answers to localhost alone; "+
			"a page whose name was made to lead here may not speak to it")
		return
	}
	r = noted(slashed(r))
	_, pattern := a.mux.Handler(r)
	if pattern == "" {
		a.absent(w, r)
		return
	}
	if beats(pathOf(pattern)) && foreignPage(r) {
		writeProblem(w, http.StatusForbidden, "a page of another origin may not send this request")
		return
	}
	if r = a.admit(w, r, pattern); r != nil {
		a.admitted.ServeHTTP(w, r)
	}
}

// ownName tells whether a Host header names this machine: of a name that somebody else's server leads here, it does not
// (DNS rebinding).
func ownName(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = strings.Trim(host, "[]")
	}
	ip := net.ParseIP(name)
	return strings.EqualFold(name, "localhost") || ip != nil && ip.IsLoopback()
}

// foreignPage tells whether a browser says that a page of another origin sends the request: a GET that changes something
// is not kept from those by anything else.
func foreignPage(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "cross-site" || site == "same-site"
}

// absent answers a request that no route takes: 405 where another method would be taken, else 404.
func (a *api) absent(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := a.mux.Handler(other); pattern != "" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		writeProblem(w, http.StatusNotFound, "there is nothing at "+r.URL.Path+"; /openapi.json lists what there is")
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	writeProblem(w, http.StatusMethodNotAllowed, r.URL.Path+" does not take "+r.Method+"; it takes "+strings.Join(allowed, ", "))
}

// recovered turns a panic into a problem document without a trace, which goes to the log. Where the answer has begun,
// the connection is cut, so that nobody takes half of it for the whole.
func (a *api) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tracked := &beginning{ResponseWriter: w}
		defer func() {
			cause := recover()
			if cause == nil {
				return
			}
			if err, ok := cause.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				a.Logger.ErrorContext(r.Context(), "request panicked", "method", r.Method, "path", r.URL.Path,
					"panic", cause, "stack", string(debug.Stack()))
			}
			if tracked.begun {
				panic(http.ErrAbortHandler)
			}
			writeProblem(w, http.StatusInternalServerError, unexpected)
		}()
		next.ServeHTTP(tracked, r)
	})
}

// beginning knows whether the answer has begun.
type beginning struct {
	http.ResponseWriter
	begun bool
}

func (b *beginning) WriteHeader(status int) {
	b.begun = true
	b.ResponseWriter.WriteHeader(status)
}

func (b *beginning) Write(p []byte) (int, error) {
	b.begun = true
	return b.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach the connection's deadlines.
func (b *beginning) Unwrap() http.ResponseWriter { return b.ResponseWriter }
