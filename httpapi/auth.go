package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	narrative "github.com/narrative-go/narrative"
)

// Caller is who sent a request, as far as the key that was shown tells.
type Caller struct {
	KeyID  string
	Name   string // the key's; empty where none was shown
	Scopes []narrative.Scope
}

type callerKey struct{}

// CallerOf returns who sent the request that ctx is of; the zero Caller where no key was shown, or it is not yet known.
func CallerOf(ctx context.Context) Caller {
	if c, ok := ctx.Value(callerKey{}).(*Caller); ok {
		return *c
	}
	return Caller{}
}

// calledBy makes room for the caller in the contexts of requests, so that it is known within, and afterwards outside, of
// what admits them.
func calledBy(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, &Caller{})))
	})
}

// by is who does what a request asks for, as it is written on timelines: who the request says, or else the key's name.
// Where the two differ both are told.
func by(ctx context.Context, given string) string {
	switch name := CallerOf(ctx).Name; {
	case given == "", name == given:
		return name
	case name == "":
		return given
	default:
		return given + " via " + name
	}
}

// naming logs the caller with what is logged of a request.
type naming struct{ slog.Handler }

// Handle adds the caller.
func (n naming) Handle(ctx context.Context, r slog.Record) error {
	if c := CallerOf(ctx); c.Name != "" {
		r.AddAttrs(slog.String("caller", c.Name))
	}
	return n.Handler.Handle(ctx, r)
}

// WithAttrs keeps doing so.
func (n naming) WithAttrs(attrs []slog.Attr) slog.Handler { return naming{n.Handler.WithAttrs(attrs)} }

// WithGroup keeps doing so.
func (n naming) WithGroup(name string) slog.Handler { return naming{n.Handler.WithGroup(name)} }

// admit lets a request to a route through, or answers it and returns nil. A key that is shown is verified even where
// none is needed, so that a mistake is seen; open routes look at none.
func (a *api) admit(w http.ResponseWriter, r *http.Request, pattern string) *http.Request {
	scope, _ := scopeOf(pattern)
	if scope == openToAll {
		return r
	}
	shown, err := credentialOf(r, original(pattern))
	if original(pattern) {
		r = withoutKey(r)
	}
	var foreign *foreignScheme
	switch {
	case !a.RequireKey && (err == nil && shown.key == "" || errors.As(err, &foreign)): // a proxy before us may ask for a login of its own
		return r
	case err == nil && shown.key == "":
		if wait, ok := a.pace.take(remoteAddress(r), a.Now()); !ok {
			a.tooFast(w, wait)
			return nil
		}
		denied(w, pattern, "", "a key is needed: send Authorization: Bearer KEY; narrative key create makes one")
		return nil
	}
	hash := hashOf(shown.key)
	if wait := a.failures.wait(remoteAddress(r), a.Now()); wait > 0 && !a.keys.holds(hash) && (err != nil || !a.looksUpAllTheSame()) {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		writeProblem(w, http.StatusTooManyRequests, "too many wrong keys came from this address; come again in a minute")
		return nil
	}
	if err != nil {
		a.wrongKey(w, r, pattern, err.Error())
		return nil
	}
	key, err := a.keys.find(r.Context(), hash)
	switch {
	case narrative.KindOf(err) == narrative.NotFound, err == nil && shown.user != nil && *shown.user != key.Name:
		a.wrongKey(w, r, pattern, "this key is not known; it may have been revoked")
	case err != nil:
		a.unverified(w, r, err)
	case key.ExpiresAt != nil && !a.Now().Before(*key.ExpiresAt):
		denied(w, pattern, "invalid_token", fmt.Sprintf("the key %q expired at %s", key.Name, key.ExpiresAt.UTC().Format(time.RFC3339)))
	default:
		a.keys.used(r.Context(), hash)
		return a.allow(w, r, key, scope)
	}
	return nil
}

// looksUpAllTheSame tells whether a key from an address that sent too many wrong ones is looked up: behind a proxy all
// come from one, and who has a good key pays for nobody's mistakes, as long as there are not very many of these.
func (a *api) looksUpAllTheSame() bool {
	_, ok := a.suspects.take("", a.Now())
	return ok
}

// allow lets the holder of a key through where it has the scope.
func (a *api) allow(w http.ResponseWriter, r *http.Request, key narrative.APIKey, scope narrative.Scope) *http.Request {
	caller := Caller{KeyID: key.ID, Name: key.Name, Scopes: key.Scopes}
	if c, ok := r.Context().Value(callerKey{}).(*Caller); ok {
		*c = caller
	} else {
		r = r.WithContext(context.WithValue(r.Context(), callerKey{}, &caller))
	}
	if allows(key.Scopes, scope) {
		return r
	}
	has := make([]string, len(key.Scopes))
	for i, s := range key.Scopes {
		has[i] = string(s)
	}
	w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="narrative", error="insufficient_scope", scope="%s"`, scope))
	writeProblem(w, http.StatusForbidden, fmt.Sprintf("this needs the scope %s, which the key %q lacks (it has: %s)", scope, key.Name, strings.Join(has, ", ")))
	return nil
}

// wrongKey answers 401 and counts.
func (a *api) wrongKey(w http.ResponseWriter, r *http.Request, pattern, detail string) {
	address := remoteAddress(r)
	if a.failures.add(address, a.Now()) {
		a.Logger.WarnContext(r.Context(), "too many wrong keys came from an address; for a while it is refused", "remote", address)
	}
	denied(w, pattern, "invalid_token", detail)
}

// denied answers 401; code is RFC 6750's, empty where no key was shown.
func denied(w http.ResponseWriter, pattern, code, detail string) {
	challenge := `Bearer realm="narrative"`
	if code != "" {
		challenge += `, error="` + code + `"`
	}
	w.Header().Set("WWW-Authenticate", challenge)
	if original(pattern) {
		w.Header().Add("WWW-Authenticate", `ApiKey realm="narrative"`)
	}
	writeProblem(w, http.StatusUnauthorized, detail)
}

// unverified answers where the store could not be asked.
func (a *api) unverified(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		a.Logger.ErrorContext(r.Context(), "a key could not be verified", "error", err)
	}
	w.Header().Set("Retry-After", "1")
	writeProblem(w, http.StatusServiceUnavailable, "the key could not be verified: the store does not answer; try again")
}

// credential is what a request shows.
type credential struct {
	key  string  // empty: nothing was shown
	user *string // whose the key must be; nil: anybody's
}

// maxKeyShown bounds what is taken for a key.
const maxKeyShown = 512

// foreignScheme is the error of a form of Authorization that is not ours.
type foreignScheme struct{ scheme, expected string }

func (f *foreignScheme) Error() string {
	return fmt.Sprintf("Authorization of the form %s is not taken here; send %s", f.scheme, f.expected)
}

// credentialOf reads what a request shows. It errs where that is malformed, without telling any of it.
func credentialOf(r *http.Request, original bool) (credential, error) {
	expected := "Authorization: Bearer KEY"
	if original {
		expected += " or Authorization: ApiKey USER:KEY"
	}
	headers := r.Header.Values("Authorization")
	if len(headers) == 0 {
		if original {
			return queryCredential(r.URL.Query())
		}
		return credential{}, nil
	}
	if len(headers) > 1 {
		return credential{}, errors.New("there is more than one Authorization header")
	}
	scheme, rest, _ := strings.Cut(strings.TrimSpace(headers[0]), " ")
	rest = strings.TrimSpace(rest)
	var c credential
	switch {
	case strings.EqualFold(scheme, "Bearer"):
		c.key = rest
	case strings.EqualFold(scheme, "ApiKey") && original:
		user, key, _ := strings.Cut(rest, ":")
		c.key, c.user = key, &user
	case strings.EqualFold(scheme, "ApiKey"):
		return credential{}, errors.New("Authorization: ApiKey is taken on /log/ and /api/datum/ alone; send " + expected)
	case rest == "": // perhaps a key without its scheme, which is not to be told
		return credential{}, errors.New("the header Authorization is malformed; send " + expected)
	default:
		return credential{}, &foreignScheme{scheme: shortened(scheme), expected: expected}
	}
	return c, c.check("the header Authorization is malformed; send " + expected)
}

// queryCredential reads ?username=&api_key=.
func queryCredential(q url.Values) (credential, error) {
	if !q.Has("username") && !q.Has("api_key") {
		return credential{}, nil
	}
	user := q.Get("username")
	c := credential{key: q.Get("api_key"), user: &user}
	if len(q["username"]) != 1 || len(q["api_key"]) != 1 {
		c.key = ""
	}
	return c, c.check("username and api_key must both be given, once")
}

func (c credential) check(malformed string) error {
	if c.key == "" || len(c.key) > maxKeyShown || strings.ContainsAny(c.key, " \t,") || c.user != nil && *c.user == "" {
		return errors.New(malformed)
	}
	return nil
}

// shortened is a scheme as it may be told.
func shortened(scheme string) string {
	for i, c := range scheme {
		if i >= 12 || c < '!' || c > '~' {
			return scheme[:i] + "…"
		}
	}
	return scheme
}

// withoutKey takes the key out of a request's query, where no handler expects it and no log may show it.
func withoutKey(r *http.Request) *http.Request {
	q := r.URL.Query()
	if !q.Has("username") && !q.Has("api_key") {
		return r
	}
	q.Del("username")
	q.Del("api_key")
	clean := r.Clone(r.Context())
	clean.URL.RawQuery = q.Encode()
	clean.RequestURI = clean.URL.RequestURI()
	return clean
}
