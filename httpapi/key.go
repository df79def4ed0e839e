package httpapi

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/danielgtaylor/huma/v2"

	narrative "github.com/narrative-go/narrative"
)

func (a *api) keyRoutes() {
	const path = "/api/v1/keys"
	add(a, route{
		method: http.MethodGet, path: path, id: "list-keys", tag: "keys",
		summary: "List keys, by name; what they are is shown when they are made, and never again", query: true, errors: []int{http.StatusServiceUnavailable},
	}, a.listKeys)
	add(a, route{
		method: http.MethodGet, path: path + "/{id}", id: "get-key", tag: "keys",
		summary: "Get a key, by id or name", errors: []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, a.getKey)
	add(a, route{
		method: http.MethodPost, path: path, id: "create-key", tag: "keys", status: http.StatusCreated,
		summary: "Make a key; it is in the answer, once",
		errors:  []int{http.StatusConflict, http.StatusUnprocessableEntity, http.StatusServiceUnavailable},
		body: &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
			"application/json": {Schema: schemaOf[KeyInput](a), Example: KeyInput{Name: "shop", Scopes: []string{string(narrative.ScopeDatums)}, ExpiresIn: new("90d")}},
		}},
	}, a.createKey)
	add(a, route{
		method: http.MethodDelete, path: path + "/{id}", id: "revoke-key", tag: "keys", status: http.StatusNoContent,
		summary: "Revoke a key, by id or name; every process refuses it within 5 s",
		errors:  []int{http.StatusNotFound, http.StatusServiceUnavailable},
	}, a.revokeKey)
}

// KeyPrefix begins every key, so that one that leaked is recognized.
const KeyPrefix = "nrt_"

// KeyInput is a key that is to be made.
type KeyInput struct {
	Name      string   `json:"name" doc:"Who holds it; stands on timelines where nobody else is named. At most 100 characters, without a colon"`
	Scopes    []string `json:"scopes" doc:"At least one of read, datums:write, operate and admin"`
	ExpiresIn *string  `json:"expires_in,omitempty" doc:"For how long it is taken, such as 90d; default for ever"`
	ExpiresAt *string  `json:"expires_at,omitempty" doc:"Until when it is taken, instead of expires_in; RFC 3339"`
}

// CreatedKey is a key that was just made.
type CreatedKey struct {
	narrative.APIKey
	Key string `json:"key" doc:"What is shown to the API; it is kept nowhere"`
}

// NewKey makes the key that the input says, as of now, and returns what the store keeps of it and the key itself; or
// says what is wrong with it, as [narrative.Problems].
func NewKey(in KeyInput, now time.Time) (narrative.APIKey, string, error) {
	k := narrative.APIKey{Name: in.Name, CreatedAt: now.UTC().Truncate(time.Microsecond)}
	problems := checkKeyName(in.Name)
	if len(in.Scopes) == 0 {
		problems = append(problems, narrative.Problem{Path: "scopes", Message: "is required: at least one of " + scopeNames()})
	}
	for n, name := range in.Scopes {
		scope := narrative.Scope(name)
		switch {
		case !slices.Contains(narrative.Scopes, scope):
			problems = append(problems, narrative.Problem{
				Path:    fmt.Sprintf("scopes[%d]", n),
				Message: fmt.Sprintf("%q is no scope%s (the scopes are %s)", name, narrative.DidYouMean(name, scopeList()), scopeNames()),
			})
		case !slices.Contains(k.Scopes, scope):
			k.Scopes = append(k.Scopes, scope)
		}
	}
	var more narrative.Problems
	k.ExpiresAt, more = in.expiry(k.CreatedAt)
	if problems = append(problems, more...); len(problems) > 0 {
		return narrative.APIKey{}, "", problems
	}
	var random [32]byte
	_, _ = rand.Read(random[:]) // crypto/rand never fails
	key := KeyPrefix + base64.RawURLEncoding.EncodeToString(random[:])
	k.Hash = hashOf(key)
	return k, key, nil
}

// maxKeyName is the most characters of a key's name.
const maxKeyName = 100

var looksLikeID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

func checkKeyName(name string) narrative.Problems {
	unfit := func(message string) narrative.Problems { return narrative.Problems{{Path: "name", Message: message}} }
	switch {
	case strings.TrimSpace(name) == "":
		return unfit("is required: who holds the key")
	case narrative.CheckText(name) != nil:
		return narrative.ProblemsOf("name", narrative.CheckText(name))
	case len([]rune(name)) > maxKeyName:
		return unfit(fmt.Sprintf("is longer than %d characters", maxKeyName))
	case strings.TrimSpace(name) != name:
		return unfit("begins or ends with a space")
	case strings.ContainsRune(name, ':'):
		return unfit("must not contain a colon, which ends it in Authorization: ApiKey USER:KEY")
	case strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) }):
		return unfit("contains a character that cannot be printed")
	case looksLikeID.MatchString(name) || name == "." || name == "..":
		return unfit("looks like an id; choose a name")
	}
	return nil
}

// latestExpiry is the last year that a key may expire in.
const latestExpiry = 9999

func (in KeyInput) expiry(now time.Time) (*time.Time, narrative.Problems) {
	switch {
	case in.ExpiresIn != nil && in.ExpiresAt != nil:
		return nil, narrative.Problems{{Path: "expires_at", Message: "give either expires_in or expires_at, not both"}}
	case in.ExpiresAt != nil:
		at, err := instant(in.ExpiresAt)
		if err == nil && !at.After(now) {
			err = narrative.Errorf(narrative.Invalid, "lies in the past")
		}
		return at, narrative.ProblemsOf("expires_at", err)
	case in.ExpiresIn != nil:
		d, err := narrative.ParseDuration(*in.ExpiresIn)
		if err == nil && d <= 0 {
			err = narrative.Errorf(narrative.Invalid, "must be more than 0s")
		}
		at := now.Add(time.Duration(d))
		if err == nil && at.Year() > latestExpiry {
			err = narrative.Errorf(narrative.Invalid, "is too far away")
		}
		return &at, narrative.ProblemsOf("expires_in", err)
	}
	return nil, nil
}

func (a *api) listKeys(ctx context.Context, in *PageQuery) (*answer[narrative.Listed[narrative.APIKey]], error) {
	all, err := a.Store.Keys(ctx)
	if err != nil {
		return nil, err
	}
	listed, err := pageOfNames(all, func(k narrative.APIKey) string { return k.Name }, *in)
	return answered(listed), err
}

// KeyRef names a key.
type KeyRef struct {
	ID string `path:"id" doc:"Its id or its name"`
}

func (a *api) getKey(ctx context.Context, in *KeyRef) (*answer[narrative.APIKey], error) {
	k, err := a.key(ctx, in.ID)
	return answered(k), err
}

// key returns the key of an id or name; a malformed one names none.
func (a *api) key(ctx context.Context, idOrName string) (narrative.APIKey, error) {
	all, err := a.Store.Keys(ctx)
	if err != nil {
		return narrative.APIKey{}, err
	}
	var names []string
	for _, k := range all {
		if k.ID == idOrName || k.Name == idOrName {
			return k, nil
		}
		names = append(names, k.Name)
	}
	return narrative.APIKey{}, narrative.Errorf(narrative.NotFound, "there is no key %q%s", idOrName, narrative.DidYouMean(idOrName, names))
}

// NewKeyInput is the body of a request for a key.
type NewKeyInput struct{ Payload payload }

func (a *api) createKey(ctx context.Context, in *NewKeyInput) (*answer[CreatedKey], error) {
	var input KeyInput
	if err := in.Payload.decode(&input); err != nil {
		return nil, err
	}
	k, key, err := NewKey(input, a.now())
	if err != nil {
		return nil, err
	}
	if k, err = a.Store.AddKey(ctx, k); err != nil {
		return nil, err
	}
	a.Logger.InfoContext(ctx, "a key was made", "key", k.Name, "scopes", k.Scopes)
	return answered(CreatedKey{k, key}), nil
}

func (a *api) revokeKey(ctx context.Context, in *KeyRef) (*struct{}, error) {
	k, err := a.key(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if err := a.Store.RevokeKey(ctx, k.ID); err != nil {
		return nil, err
	}
	a.keys.forget(func(known narrative.APIKey) bool { return known.ID == k.ID })
	a.Logger.InfoContext(ctx, "a key was revoked", "key", k.Name)
	return &struct{}{}, nil
}
