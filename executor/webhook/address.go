package webhook

import (
	"net/netip"
	"syscall"

	"github.com/narrative-go/narrative"
)

// private says what sort of address that is which no stranger's server can have, or nothing for a public one. An
// address of IPv4 within one of IPv6, by mapping, NAT64 or 6to4, is judged as itself.
func private(a netip.Addr) string {
	a = a.Unmap().WithZone("")
	if inner, ok := within(a); ok {
		return private(inner)
	}
	switch {
	case !a.IsValid():
		return "unknown"
	case a.IsLoopback():
		return "a loopback address"
	case a.IsUnspecified():
		return "unspecified"
	case a.IsLinkLocalUnicast():
		return "a link-local address"
	case a.IsPrivate():
		return "a private address"
	case a.IsMulticast():
		return "a multicast address"
	}
	for prefix, what := range map[string]string{
		"0.0.0.0/8":       "an address of this network",
		"100.64.0.0/10":   "an address behind a carrier's NAT",
		"192.0.0.0/24":    "a reserved address",
		"198.18.0.0/15":   "an address for benchmarks",
		"240.0.0.0/4":     "a reserved address",
		"fec0::/10":       "a site-local address",
		"64:ff9b:1::/48":  "a translated private address",
		"2001::/32":       "a tunnelled address",
		"::/96":           "a reserved address",
		"2001:db8::/32":   "a reserved address",
		"192.0.2.0/24":    "a reserved address",
		"198.51.100.0/24": "a reserved address",
		"203.0.113.0/24":  "a reserved address",
	} {
		if netip.MustParsePrefix(prefix).Contains(a) {
			return what
		}
	}
	return ""
}

// within is the address of IPv4 that is reached by one of IPv6 of NAT64 (RFC 6052) or 6to4 (RFC 3056).
func within(a netip.Addr) (netip.Addr, bool) {
	if !a.Is6() {
		return a, false
	}
	b := a.As16()
	switch {
	case netip.MustParsePrefix("64:ff9b::/96").Contains(a):
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case netip.MustParsePrefix("2002::/16").Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return a, false
}

// onlyPublic refuses to connect to an address that is not public. It is a [net.Dialer]'s Control: the name has been
// looked up, and the connection goes to this address and no other.
func onlyPublic(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return narrative.Errorf(narrative.Invalid, "%q is not an address", address)
	}
	if what := private(to.Addr()); what != "" {
		return narrative.Errorf(narrative.Invalid, "%s is %s, and config.webhooks.private_addresses is forbid", to.Addr(), what)
	}
	return nil
}
