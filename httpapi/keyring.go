package httpapi

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"sync"
	"time"

	narrative "github.com/narrative-go/narrative"
)

// Bounds of what is remembered of keys.
const (
	keysKnown      = 1000            // at once
	keyFresh       = 5 * time.Second // so long a key that was revoked elsewhere is still taken
	keyLookup      = 5 * time.Second // so long the store may take
	useNotedEvery  = time.Minute
	usesNotedAtime = 4
)

// keyring finds keys by their hashes, and remembers them for a moment, so that a request costs no look into the store.
type keyring struct {
	store narrative.KeyStore
	now   func() time.Time
	log   *slog.Logger

	mu     sync.Mutex
	known  map[string]knownKey // by hash
	noting chan struct{}       // holds one for each use that is being noted
}

type knownKey struct {
	narrative.APIKey
	until time.Time // fresh until then
	noted time.Time // when its use was last noted
}

func newKeyring(store narrative.KeyStore, now func() time.Time, log *slog.Logger) *keyring {
	return &keyring{store: store, now: now, log: log, known: map[string]knownKey{}, noting: make(chan struct{}, usesNotedAtime)}
}

// hashOf is what is kept of a key.
func hashOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// holds tells whether a key is remembered, fresh or not.
func (k *keyring) holds(hash string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, held := k.known[hash]
	return held
}

// find returns the key of a hash, expired or not; one that is not there is NotFound.
func (k *keyring) find(ctx context.Context, hash string) (narrative.APIKey, error) {
	now := k.now()
	k.mu.Lock()
	known, held := k.known[hash]
	k.mu.Unlock()
	if held && now.Before(known.until) {
		return known.APIKey, nil
	}
	ctx, cancel := context.WithTimeout(ctx, keyLookup)
	defer cancel()
	key, err := k.store.KeyByHash(ctx, hash)
	if narrative.KindOf(err) == narrative.NotFound {
		k.forget(func(known narrative.APIKey) bool { return known.Hash == hash })
	}
	if err != nil {
		return narrative.APIKey{}, err
	}
	key.Hash = hash
	fresh := knownKey{APIKey: key, until: now.Add(keyFresh)}
	if key.LastUsedAt != nil {
		fresh.noted = *key.LastUsedAt
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if before, held := k.known[hash]; held && before.noted.After(fresh.noted) {
		fresh.noted = before.noted
	}
	k.makeRoom(now)
	k.known[hash] = fresh
	return key, nil
}

// makeRoom forgets what is no longer fresh where the bound is reached, and where that is not enough any one.
func (k *keyring) makeRoom(now time.Time) {
	if len(k.known) < keysKnown {
		return
	}
	for hash, known := range k.known {
		if !now.Before(known.until) {
			delete(k.known, hash)
		}
	}
	for hash := range k.known {
		if len(k.known) < keysKnown {
			return
		}
		delete(k.known, hash)
	}
}

// forget looks the keys that match up again when they are next shown.
func (k *keyring) forget(match func(narrative.APIKey) bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for hash, known := range k.known {
		if match(known.APIKey) {
			delete(k.known, hash)
		}
	}
}

// used notes in the background that a key was used, where that was not noted just now. Where too much is being noted,
// the next use is noted instead.
func (k *keyring) used(ctx context.Context, hash string) {
	now := k.now().UTC().Truncate(time.Microsecond)
	k.mu.Lock()
	defer k.mu.Unlock()
	known, held := k.known[hash]
	if !held || now.Sub(known.noted) < useNotedEvery {
		return
	}
	select {
	case k.noting <- struct{}{}:
	default:
		return
	}
	known.noted = now
	k.known[hash] = known
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keyLookup)
	go func() {
		defer func() { <-k.noting }()
		defer cancel()
		if err := k.store.KeyUsed(ctx, known.ID, now); err != nil {
			k.log.WarnContext(ctx, "the use of a key could not be noted", "key", known.Name, "error", err)
		}
	}()
}
