"""Head to Head: one sigmoid unit or two softmax units, compared fairly.

Importing the package is cheap: TensorFlow is imported only by the modules that train.
"""

__version__ = "0.1.0"
