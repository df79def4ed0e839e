package webhook

import (
	"net/netip"
	"testing"
)

func TestAddressesThatAreNotPublicAreKnown(t *testing.T) {
	t.Parallel()
	for address, public := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1111": true, "172.15.0.1": true, "100.63.0.1": true, "::ffff:8.8.8.8": true, "64:ff9b::808:808": true, "2002:808:808::1": true,
		"127.0.0.1": false, "127.8.0.1": false, "::1": false, "::ffff:127.0.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "192.168.0.1": false, "fd00::1": false,
		"169.254.169.254": false, "fe80::1%eth0": false, "0.0.0.0": false, "0.1.2.3": false, "::": false, "224.0.0.1": false, "ff02::1": false, "100.64.0.1": false,
		"255.255.255.255": false, "198.18.0.1": false, "64:ff9b::a00:1": false, "2002:7f00:1::": false, "::7f00:1": false, "::ffff:100.64.0.1": false,
	} {
		if got := private(netip.MustParseAddr(address)); public != (got == "") {
			t.Errorf("%s is %q", address, got)
		}
	}
}
