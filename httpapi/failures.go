package httpapi

import (
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// Bounds of wrong keys.
const (
	failuresAllowed   = 20 // from one address within failuresWithin
	failuresWithin    = time.Minute
	failuresAddresses = 4096 // counted at once; beyond, any one is forgotten
)

// failures counts the wrong keys of each address.
type failures struct {
	mu   sync.Mutex
	from map[string]failed
}

type failed struct {
	count int
	since time.Time
}

// wait is how long an address is refused for; zero: it is not.
func (f *failures) wait(address string, now time.Time) time.Duration {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.from[address]
	if was.count < failuresAllowed {
		return 0
	}
	return max(0, failuresWithin-now.Sub(was.since))
}

// add counts a wrong key, and tells whether the address is refused from now on.
func (f *failures) add(address string, now time.Time) (refused bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	was, counted := f.from[address]
	if !counted {
		f.makeRoom(now)
	}
	if now.Sub(was.since) >= failuresWithin {
		was = failed{since: now}
	}
	was.count++
	f.from[address] = was
	return was.count == failuresAllowed
}

func (f *failures) makeRoom(now time.Time) {
	if len(f.from) < failuresAddresses {
		return
	}
	for address, was := range f.from {
		if now.Sub(was.since) >= failuresWithin {
			delete(f.from, address)
		}
	}
	for address := range f.from {
		if len(f.from) < failuresAddresses {
			return
		}
		delete(f.from, address)
	}
}

// remoteAddress is whom a request counts for: the address that it came from, or, of IPv6, the network of 64 bits, within
// which addresses cost nothing. What a proxy says of the address behind it is not believed.
func remoteAddress(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return ip.String()
	}
	network, err := ip.Prefix(64)
	if err != nil {
		return host
	}
	return network.String()
}
