package persistence

import (
	"cmp"
	"context"

	"github.com/narrative-go/narrative"
	"github.com/narrative-go/narrative/persistence/engine"
)

// guarded keeps text that PostgreSQL refuses from either engine. What a user writes is refused by the name of its field
// before; this is for the rest, names and ids to look up among it.
type guarded struct{ engine.Engine }

// Read implements [engine.Engine].
func (g guarded) Read(ctx context.Context, b *engine.Batch) error {
	if err := checkArguments(b); err != nil {
		return err
	}
	return g.Engine.Read(ctx, b)
}

// Write implements [engine.Engine].
func (g guarded) Write(ctx context.Context, b *engine.Batch) error {
	if err := checkArguments(b); err != nil {
		return err
	}
	return g.Engine.Write(ctx, b)
}

// Tx implements [engine.Engine].
func (g guarded) Tx(ctx context.Context, fn func(engine.Tx) error) error {
	return g.Engine.Tx(ctx, func(tx engine.Tx) error { return fn(guardedTx{tx}) })
}

type guardedTx struct{ engine.Tx }

// Run implements [engine.Tx].
func (g guardedTx) Run(ctx context.Context, b *engine.Batch) error {
	if err := checkArguments(b); err != nil {
		return err
	}
	return g.Tx.Run(ctx, b)
}

func checkArguments(b *engine.Batch) error {
	for _, s := range b.Statements {
		if err := checkTexts(s.Args); err != nil {
			return err
		}
	}
	return nil
}

func checkTexts(args []any) error {
	for _, a := range args {
		var err error
		switch a := a.(type) {
		case string:
			err = narrative.CheckText(a)
		case engine.JSON:
			err = narrative.CheckText(string(a))
		case engine.Table:
			for _, column := range a {
				for _, value := range column {
					err = cmp.Or(err, narrative.CheckText(value))
				}
			}
		}
		if err != nil {
			return narrative.Errorf(narrative.Invalid, "text %w", err)
		}
	}
	return nil
}
