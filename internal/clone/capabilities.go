package clone

// Capabilities are the sets of a thread (capabilities(7), interface version 3).
type Capabilities struct {
	header struct { // struct __user_cap_header_struct
		version uint32
		pid     int32 // 0: the calling thread
	}
	sets [2]struct { // struct __user_cap_data_struct
		effective, permitted, inheritable uint32
	}
}

// Permits says whether the thread has the capability or could raise it.
func (c *Capabilities) Permits(capability int) bool {
	return c.sets[capability/32].permitted&(1<<(capability%32)) != 0
}

// Has says whether the capability is in force.
func (c *Capabilities) Has(capability int) bool {
	return c.sets[capability/32].effective&(1<<(capability%32)) != 0
}

// Without gives the sets without a capability. The ambient set follows by a rule of
// the kernel when the sets are written.
func (c Capabilities) Without(capability int) *Capabilities {
	set, bit := &c.sets[capability/32], uint32(1)<<(capability%32)
	set.effective &^= bit
	set.permitted &^= bit
	set.inheritable &^= bit
	return &c
}

// WithInheritable gives the sets with a capability in the permitted and in the
// inheritable one.
func (c Capabilities) WithInheritable(capability int) *Capabilities {
	set, bit := &c.sets[capability/32], uint32(1)<<(capability%32)
	set.permitted |= bit
	set.inheritable |= bit
	return &c
}
