package cli

import (
	"cmp"
	"context"
	"net/http"
	"time"

	narrative "github.com/narrative-go/narrative"
)

// Bounds of telling a beat: three times two seconds and the pauses between come to ten.
const (
	beatTries   = 3
	beatTimeout = 2 * time.Second
	beatPause   = time.Second // before the second try; before the third, three times that
)

// beats tells the beats of something.
type beats struct {
	api   *client
	name  string
	pause time.Duration
}

func newBeats(p *program, api *client, name string) *beats {
	hasty := *api
	hasty.http = &http.Client{Timeout: beatTimeout}
	return &beats{api: &hasty, name: name, pause: cmp.Or(p.every, beatPause)}
}

// beat tells one, and tries again where that may help and ctx has not ended; the end of ctx does not break off a try.
func (b *beats) beat(ctx context.Context, kind narrative.BeatKind, note any) (r reply, err error) {
	for try := range beatTries {
		if try > 0 && !sleep(ctx, b.pause*time.Duration(2*try-1)) {
			return r, err
		}
		if r, err = b.api.post(context.WithoutCancel(ctx), beatPath(b.name, kind), note); err == nil || refusedForGood(err) {
			return r, err
		}
	}
	return r, err
}

// sleep waits; false where ctx ended before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
