package starter

import (
	"context"
	"maps"
	"slices"

	narrative "github.com/narrative-go/narrative"
)

// Compared tells how the triggers that Temporal holds differ from those that the metas ask for. Each is a list of check
// ids, such as assertion/balance, in order.
type Compared struct {
	Held    int      // triggers that are as they should be
	Missing []string // of metas that nothing sets going
	Stale   []string // that do not match their meta any more
	Surplus []string // of a meta that is gone, disabled or triggered otherwise
}

// Compare compares Temporal's triggers with the store's metas and changes nothing. What Temporal lists lags a little
// behind, so that what was applied a moment ago may look missing.
func (s *Starter) Compare(ctx context.Context) (Compared, error) {
	r := reconciler{Starter: s}
	checks, err := r.checks(ctx)
	if err != nil {
		return Compared{}, err
	}
	held := map[narrative.Trigger]map[string]string{}
	for kind, trigger := range s.triggers {
		if held[kind], err = trigger.Triggers(ctx); err != nil {
			return Compared{}, err
		}
	}
	return compared(checks, held, r.triggerOf), nil
}

func compared(checks []Check, held map[narrative.Trigger]map[string]string, triggerOf func(Check) narrative.Trigger) Compared {
	var found Compared
	for _, c := range checks {
		if !c.Meta.Enabled {
			continue
		}
		kind := triggerOf(c)
		switch fingerprint, ok := held[kind][c.ID()]; {
		case !ok:
			found.Missing = append(found.Missing, c.ID())
		case fingerprint != c.Memo().Fingerprint:
			found.Stale = append(found.Stale, c.ID())
		default:
			found.Held++
		}
		delete(held[kind], c.ID())
	}
	for _, left := range held {
		found.Surplus = slices.AppendSeq(found.Surplus, maps.Keys(left))
	}
	for _, ids := range [][]string{found.Missing, found.Stale, found.Surplus} {
		slices.Sort(ids)
	}
	return found
}
