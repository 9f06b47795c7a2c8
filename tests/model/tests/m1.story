     0 s  process A  is asked for a payment and makes its Intent
     0 s  process A  writes the push
     0 s  process A  dies
    20 s  clock      time passes
    61 s  clock      time passes
    66 s  clock      time passes
    86 s  clock      time passes
    91 s  clock      time passes
    91 s  OVO        takes the push and asks the customer
    91 s  customer   pays
   206 s  clock      time passes
 10 min+  clock      time passes
          broken     I12 in the end all is closed and told, and nobody is debited without Accepted
