package executor

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/narrative-go/narrative"
)

type datumArgs struct {
	Origin   string          `json:"origin"` // default the assertion's or event's name
	Name     string          `json:"name"`
	Note     json.RawMessage `json:"note"`
	Level    string          `json:"level"`
	TTL      string          `json:"ttl"` // default the configured; 0s: never expires
	ThreadID string          `json:"thread_id"`
}

func checkDatum(raw json.RawMessage) (p narrative.Problems) {
	var args datumArgs
	if err := narrative.DecodeArgs(raw, &args); err != nil {
		return narrative.ProblemsOf("", err)
	}
	if args.Name == "" {
		p = append(p, oneProblem("name", "is required")...)
	}
	if !open(args.Level) {
		_, err := narrative.ParseLevel(args.Level)
		p = append(p, narrative.ProblemsOf("level", err)...)
	}
	if args.TTL != "" && !open(args.TTL) {
		_, err := parseTTL(args.TTL)
		p = append(p, narrative.ProblemsOf("ttl", err)...)
	}
	return p
}

func parseTTL(s string) (narrative.Duration, error) {
	ttl, err := narrative.ParseDuration(s)
	if err == nil && ttl < 0 {
		err = narrative.Errorf(narrative.Invalid, "must not be negative")
	}
	return ttl, err
}

func (e *Executor) logDatum(ctx context.Context, call narrative.ActionCall) (string, error) {
	raw := kept(call)
	if err := checkDatum(raw).Err(); err != nil {
		return "", err
	}
	var args datumArgs
	if err := narrative.DecodeArgs(raw, &args); err != nil {
		return "", err
	}
	config, err := e.Store.Config(ctx)
	if err != nil {
		return "", fmt.Errorf("read the minimum level of datums: %w", err)
	}
	d, err := datumOf(args, call)
	if err != nil {
		return "", err
	}
	if d.Level.Rank() < config.MinimumDatumLogLevel.Rank() {
		e.Logged(false)
		return fmt.Sprintf("not kept: %s is below the minimum level %s", d.Level, config.MinimumDatumLogLevel), nil
	}
	now := e.Now().UTC()
	d.At = now
	ttl := config.DefaultDatumTTL
	if args.TTL != "" {
		if ttl, err = parseTTL(args.TTL); err != nil {
			return "", err
		}
	}
	if ttl > 0 {
		expires := now.Add(time.Duration(ttl))
		d.ExpiresAt = &expires
	}
	stored, err := e.Store.AddDatums(ctx, []narrative.Datum{d})
	if err != nil {
		return "", fmt.Errorf("store the datum %s: %w", d.Name, err)
	}
	e.Logged(true)
	if len(stored) == 1 {
		return "datum " + stored[0].ID, nil
	}
	return "datum stored", nil
}

func datumOf(args datumArgs, call narrative.ActionCall) (narrative.Datum, error) {
	level, err := narrative.ParseLevel(args.Level)
	if err != nil {
		return narrative.Datum{}, err
	}
	d := narrative.Datum{Origin: args.Origin, Name: args.Name, Note: args.Note, Level: level, ThreadID: args.ThreadID}
	switch {
	case d.Origin != "":
	case call.Issue != nil:
		d.Origin = call.Issue.Assertion
	case call.Event != nil:
		d.Origin = call.Event.Event
	default:
		d.Origin = "narrative"
	}
	return d, d.Validate().Err()
}
