package persistence

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

// Config returns the configuration; a new store has the default one.
func (s *Store) Config(ctx context.Context) (narrative.Config, error) {
	var c narrative.Config
	b := &engine.Batch{}
	queueConfig(b, &c, "")
	return c, during(s.engine.Read(ctx, b), "load the configuration")
}

// Identity tells this store from every other.
func (s *Store) Identity(ctx context.Context) (string, error) {
	var identity string
	err := s.read(ctx, statements.Select("identity").From("narrative_config"), func(r engine.Row) error { return r.Scan(&identity) })
	return identity, during(err, "load the store's identity")
}

func queueConfig(b *engine.Batch, c *narrative.Config, lock string) {
	b.Query(func(r engine.Row) error {
		err := r.Scan((*string)(&c.MinimumDatumLogLevel), (*int64)(&c.DefaultDatumTTL), (*int64)(&c.HeartbeatMinInterval), (*string)(&c.Actions),
			document{&c.Renotify}, document{&c.Escalate}, document{&c.Admins}, document{&c.Operators}, document{&c.Digest}, document{&c.Webhooks})
		c.Admins.Email = orEmpty(c.Admins.Email)
		return err
	}, `
		SELECT minimum_datum_log_level, default_datum_ttl_ns, heartbeat_min_interval_ns, actions, renotify, escalate, admins, operators, digest, webhooks
		FROM narrative_config WHERE id = 1`+lock)
}

// evenConfig returns the configuration in the one form that it is compared and kept in.
func evenConfig(c narrative.Config) narrative.Config {
	c.MinimumDatumLogLevel = cmp.Or(c.MinimumDatumLogLevel, narrative.Info)
	c.Actions = cmp.Or(c.Actions, narrative.ActionsRun)
	c.Admins.Email = orEmpty(c.Admins.Email)
	c.Escalate = evenEscalations(c.Escalate)
	return c
}

// evenEscalations returns them in the one form that they are compared and kept in.
func evenEscalations(all []narrative.Escalation) []narrative.Escalation {
	all = slices.Clone(all)
	for n := range all {
		all[n].Notify.Email = orEmpty(all[n].Notify.Email)
	}
	return all
}

// queueNewConfig adds the statement that makes the store hold the configuration, none where it does already.
func queueNewConfig(b *engine.Batch, to *narrative.Config, from narrative.Config, applied *narrative.Applied) error {
	if to == nil {
		return nil
	}
	c := evenConfig(*to)
	before, err := contentOf(evenConfig(from))
	if err != nil {
		return err
	}
	after, err := contentOf(c)
	if err != nil || bytes.Equal(before, after) {
		return err
	}
	renotify, err := list(c.Renotify)
	if err != nil {
		return err
	}
	escalate, err := list(c.Escalate)
	if err != nil {
		return err
	}
	operators, err := list(c.Operators)
	if err != nil {
		return err
	}
	var objects [3]engine.JSON
	for n, object := range []any{c.Admins, c.Digest, c.Webhooks} {
		b, err := encodeJSON(object)
		if err != nil {
			return err
		}
		objects[n] = engine.JSON(b)
	}
	applied.Config = true
	b.Exec(`
		UPDATE narrative_config
		SET minimum_datum_log_level = $1, default_datum_ttl_ns = $2, actions = $3, renotify = $4, escalate = $5, operators = $6, admins = $7,
			digest = $8, webhooks = $9, heartbeat_min_interval_ns = $10
		WHERE id = 1`,
		string(c.MinimumDatumLogLevel), int64(c.DefaultDatumTTL), string(c.Actions), renotify, escalate, operators,
		objects[0], objects[1], objects[2], int64(c.HeartbeatMinInterval))
	return nil
}
