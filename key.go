package narrative

import (
	"context"
	"time"
)

// Scope is something that an [APIKey] allows.
type Scope string

// The scopes. Each but datums:write includes reading.
const (
	ScopeRead    Scope = "read"         // every GET
	ScopeDatums  Scope = "datums:write" // sending datums and heartbeats
	ScopeOperate Scope = "operate"      // signals to issues, checks, retries, tests of channels
	ScopeAdmin   Scope = "admin"        // everything: metas, configuration, keys
)

// Scopes are all scopes.
var Scopes = []Scope{ScopeRead, ScopeDatums, ScopeOperate, ScopeAdmin}

// APIKey is what a program or a person shows the API. The key itself is kept nowhere: only its hash is.
type APIKey struct {
	ID         string     `json:"id"`
	Name       string     `json:"name"` // who holds it; unique, and the default for `by` on timelines
	Scopes     []Scope    `json:"scopes"`
	CreatedAt  time.Time  `json:"created_at"`
	ExpiresAt  *time.Time `json:"expires_at"`   // null: never
	LastUsedAt *time.Time `json:"last_used_at"` // to the minute
	Hash       string     `json:"-"`            // lower-case hex SHA-256 of the key
}

// KeyStore keeps the API's keys, and the requests that were answered.
type KeyStore interface {
	// AddKey adds a key; its ID is given by the store. A name that is taken is a Conflict.
	AddKey(ctx context.Context, k APIKey) (APIKey, error)
	Keys(ctx context.Context) ([]APIKey, error) // all, by name
	// KeyByHash returns the key of that hash, expired or not; one that is not there is NotFound.
	KeyByHash(ctx context.Context, hash string) (APIKey, error)
	// KeyUsed notes when a key was used.
	KeyUsed(ctx context.Context, id string, at time.Time) error
	// RevokeKey removes the key of that id or name.
	RevokeKey(ctx context.Context, idOrName string) error

	// BeginRequest claims a request that is to be answered once, by its caller and Idempotency-Key. Where it was
	// answered, the answer is returned; where it is being answered, or was another request (of another fingerprint), it
	// is a Conflict. A claim older than a day is forgotten, one that was never answered after three minutes.
	BeginRequest(ctx context.Context, caller, key, fingerprint string, now time.Time) (*RequestAnswer, error)
	// AnswerRequest keeps the answer to a request that was claimed at that time; nil gives the claim up. A claim that
	// somebody else has taken over since is left alone.
	AnswerRequest(ctx context.Context, caller, key string, claimed time.Time, a *RequestAnswer) error
}

// RequestAnswer is the answer to a request.
type RequestAnswer struct {
	Status int
	Header map[string]string
	Body   string
}
