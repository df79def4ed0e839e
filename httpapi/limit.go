package httpapi

import (
	"fmt"
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Bounds of how fast one caller may ask.
const (
	defaultRateLimit = 200.0  // requests a second
	burstOfRate      = 2.0    // seconds' worth of requests that may come at once
	maxCallers       = 10_000 // whose pace is known at once
	suspectLookups   = 10.0   // of keys from addresses that sent too many wrong ones, a second
)

// limiter is a bucket of tokens for each caller.
type limiter struct {
	rate, burst float64
	mu          sync.Mutex
	buckets     map[string]*bucket
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newLimiter(rate float64) *limiter {
	return &limiter{rate: rate, burst: max(1, rate*burstOfRate), buckets: map[string]*bucket{}}
}

// take takes a token, or says how long to wait for one. Without a limit there always is one.
func (l *limiter) take(caller string, now time.Time) (wait time.Duration, ok bool) {
	if l.rate < 0 {
		return 0, true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[caller]
	if b == nil {
		l.makeRoom(now)
		b = &bucket{tokens: l.burst, at: now}
		l.buckets[caller] = b
	}
	b.tokens = min(l.burst, b.tokens+max(0, now.Sub(b.at).Seconds())*l.rate)
	b.at = now
	if b.tokens < 1 {
		return time.Duration((1 - b.tokens) / l.rate * float64(time.Second)), false
	}
	b.tokens--
	return 0, true
}

// makeRoom keeps the number of buckets bounded: those that are full again are as good as none; where all are in use,
// any one goes, whose caller begins anew.
func (l *limiter) makeRoom(now time.Time) {
	if len(l.buckets) < maxCallers {
		return
	}
	full := time.Duration(l.burst / l.rate * float64(time.Second))
	for caller, b := range l.buckets {
		if now.Sub(b.at) >= full {
			delete(l.buckets, caller)
		}
	}
	for caller := range l.buckets {
		if len(l.buckets) < maxCallers {
			return
		}
		delete(l.buckets, caller)
	}
}

// limited refuses those who ask too fast. Datums and beats may come as fast as the store takes them, and who watches
// the process is always answered.
func (a *api) limited(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !unlimited(r.Method, a.pattern(r)) {
			if wait, ok := a.pace.take(paced(r), a.Now()); !ok {
				a.tooFast(w, wait)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func (a *api) tooFast(w http.ResponseWriter, wait time.Duration) {
	seconds := max(1, int(math.Ceil(wait.Seconds())))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	writeProblem(w, http.StatusTooManyRequests, fmt.Sprintf("more than %g requests a second; ask again in %d s", a.RateLimit, seconds))
}

// unlimited tells whether requests to a route do not count.
func unlimited(method, path string) bool {
	switch path {
	case "/healthz", "/readyz", "/metrics", "/slack/interactions":
		return true
	}
	return method != http.MethodDelete && beats(path) || method == http.MethodPost && bringsDatums(path)
}

// bringsDatums tells whether that is what a POST to a route does.
func bringsDatums(path string) bool {
	return path == "/api/v1/datums" || path == "/log/" || path == originalPath
}

// paced is whose pace a request counts to: the key's, or that of where it comes from.
func paced(r *http.Request) string {
	if id := CallerOf(r.Context()).KeyID; id != "" {
		return "key " + id
	}
	return remoteAddress(r)
}
