// pause is a child that does nothing and needs little for that.
#include <unistd.h>

int main(void) {
	for (;;)
		pause();
}
