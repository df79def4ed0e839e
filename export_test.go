package narrative

// Bits are the values that each field allows, in the order written: bit i stands for value i.
func (c Cron) Bits() [5]uint64 { return [5]uint64{c.minute, c.hour, c.dom, c.month, c.dow} }
