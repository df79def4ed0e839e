package persistence

import (
	"context"
	"fmt"
	"time"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

const selectKeys = "SELECT id, name, hash, scopes, created_at, expires_at, last_used_at FROM api_keys"

func scanKey(r engine.Row) (k narrative.APIKey, err error) {
	return k, r.Scan(&k.ID, &k.Name, &k.Hash, document{&k.Scopes}, moment{&k.CreatedAt}, perhaps{&k.ExpiresAt}, perhaps{&k.LastUsedAt})
}

// AddKey adds a key.
func (s *Store) AddKey(ctx context.Context, k narrative.APIKey) (narrative.APIKey, error) {
	var t texts
	t.value("key", k)
	if err := t.err(); err != nil {
		return narrative.APIKey{}, err
	}
	scopes, err := list(k.Scopes)
	if err != nil {
		return narrative.APIKey{}, err
	}
	k.ID = narrative.NewID(k.CreatedAt)
	added := 0
	b := &engine.Batch{}
	b.Count(&added, `
		INSERT INTO api_keys (id, name, hash, scopes, created_at, expires_at)
		VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT DO NOTHING`, k.ID, k.Name, k.Hash, scopes, k.CreatedAt, k.ExpiresAt)
	var kept *narrative.APIKey
	b.Query(collectOne(&kept, scanKey), selectKeys+" WHERE id = $1", k.ID)
	if err := s.engine.Write(ctx, b); err != nil {
		return narrative.APIKey{}, during(err, "add the key %q", k.Name)
	}
	if added == 0 || kept == nil {
		return narrative.APIKey{}, narrative.Errorf(narrative.Conflict, "there is a key %q already; give this one another name, or revoke that one", k.Name)
	}
	return *kept, nil
}

// Keys returns all keys, by name.
func (s *Store) Keys(ctx context.Context) ([]narrative.APIKey, error) {
	keys := []narrative.APIKey{}
	b := &engine.Batch{}
	b.Query(collect(&keys, scanKey), selectKeys+" ORDER BY name")
	return keys, during(s.engine.Read(ctx, b), "list the keys")
}

// KeyByHash returns the key of a hash.
func (s *Store) KeyByHash(ctx context.Context, hash string) (narrative.APIKey, error) {
	var k *narrative.APIKey
	b := &engine.Batch{}
	b.Query(collectOne(&k, scanKey), selectKeys+" WHERE hash = $1", hash)
	if err := s.engine.Read(ctx, b); err != nil {
		return narrative.APIKey{}, during(err, "look up a key")
	}
	if k == nil {
		return narrative.APIKey{}, narrative.Errorf(narrative.NotFound, "there is no such key")
	}
	return *k, nil
}

// KeyUsed notes when a key was used.
func (s *Store) KeyUsed(ctx context.Context, id string, at time.Time) error {
	b := &engine.Batch{}
	b.Exec("UPDATE api_keys SET last_used_at = $2 WHERE id = $1 AND (last_used_at IS NULL OR last_used_at < $2)", id, at)
	return during(s.engine.Write(ctx, b), "note that a key was used")
}

// RevokeKey removes a key.
func (s *Store) RevokeKey(ctx context.Context, idOrName string) error {
	var t texts
	t.add("key", idOrName)
	if err := t.err(); err != nil {
		return err
	}
	gone := 0
	b := &engine.Batch{}
	b.Count(&gone, "DELETE FROM api_keys WHERE id = $1 OR name = $1", idOrName)
	if err := s.engine.Write(ctx, b); err != nil {
		return during(err, "revoke the key %q", idOrName)
	}
	return found(gone > 0, "there is no key %q", idOrName)
}

// How long claims on requests last: an answer, and one that never came.
const (
	answersKept = 24 * time.Hour
	claimsKept  = 3 * time.Minute // longer than any request may take
)

// BeginRequest claims a request that is to be answered once.
func (s *Store) BeginRequest(ctx context.Context, caller, key, fingerprint string, now time.Time) (*narrative.RequestAnswer, error) {
	var t texts
	t.add("key", key)
	if err := t.err(); err != nil {
		return nil, err
	}
	var answer *narrative.RequestAnswer
	err := s.engine.Tx(ctx, func(tx engine.Tx) error {
		answer = nil
		claimed, was, status := 0, "", (*int)(nil)
		var a narrative.RequestAnswer
		b := &engine.Batch{}
		b.Exec("DELETE FROM api_requests WHERE caller = $1 AND key = $2 AND (created_at < $3 OR status IS NULL AND created_at < $4)",
			caller, key, now.Add(-answersKept), now.Add(-claimsKept))
		b.Count(&claimed, `
			INSERT INTO api_requests (caller, key, fingerprint, created_at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (caller, key) DO NOTHING`, caller, key, fingerprint, now)
		b.Query(func(r engine.Row) error {
			return r.Scan(&was, &status, document{&a.Header}, &a.Body)
		}, "SELECT fingerprint, status, header, COALESCE(body, '') FROM api_requests WHERE caller = $1 AND key = $2", caller, key)
		if err := tx.Run(ctx, b); err != nil {
			return err
		}
		switch {
		case claimed == 1:
			return nil
		case was != fingerprint:
			return narrative.Errorf(narrative.Conflict, "the Idempotency-Key %q was used for another request", key)
		case status == nil:
			return &narrative.Error{
				Kind: narrative.Conflict, RetryAfter: time.Second,
				Message: fmt.Sprintf("the request of the Idempotency-Key %q is being answered; ask again in a moment", key),
			}
		}
		a.Status = *status
		answer = &a
		return nil
	})
	return answer, during(err, "begin a request")
}

// AnswerRequest keeps the answer to a request that was claimed then. A claim that somebody else has taken over since is
// left alone.
func (s *Store) AnswerRequest(ctx context.Context, caller, key string, claimed time.Time, a *narrative.RequestAnswer) error {
	b := &engine.Batch{}
	if a == nil {
		b.Exec("DELETE FROM api_requests WHERE caller = $1 AND key = $2 AND created_at = $3 AND status IS NULL", caller, key, claimed)
		return during(s.engine.Write(ctx, b), "give a request up")
	}
	header, err := encodeJSON(a.Header)
	if err != nil {
		return err
	}
	b.Exec("UPDATE api_requests SET status = $4, header = $5, body = $6 WHERE caller = $1 AND key = $2 AND created_at = $3 AND status IS NULL",
		caller, key, claimed, a.Status, engine.JSON(header), a.Body)
	return during(s.engine.Write(ctx, b), "keep the answer to a request")
}
